# The L7 proxy of a namespace or of a service.
# Built from the top of the repository: docker build -f images/waypoint.Dockerfile -t ambient-mesh/waypoint .
FROM node:26-slim AS build
WORKDIR /source
COPY package.json package-lock.json LICENSE ./
COPY e2e/package.json e2e/package.json
COPY packages packages
COPY scripts scripts
RUN npm ci --no-audit --no-fund
RUN node scripts/stage.ts waypoint /staged

FROM node:26-slim
LABEL org.opencontainers.image.title="waypoint" org.opencontainers.image.licenses="Apache-2.0"
COPY --from=build /staged /opt/ambient-mesh
ENV NODE_ENV=production
WORKDIR /
USER 1337:1337
ENTRYPOINT ["node", "--disable-warning=ExperimentalWarning", "/opt/ambient-mesh/packages/waypoint/bin/waypoint.mjs"]
CMD ["proxy"]
