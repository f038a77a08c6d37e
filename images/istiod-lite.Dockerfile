# The control plane.
# Built from the top of the repository: docker build -f images/istiod-lite.Dockerfile -t ambient-mesh/istiod-lite .
FROM node:26-slim AS build
WORKDIR /source
COPY package.json package-lock.json tsconfig.json LICENSE ./
COPY e2e/package.json e2e/package.json
COPY packages packages
COPY scripts scripts
RUN npm ci --no-audit --no-fund
RUN node scripts/build-page.ts
RUN node scripts/stage.ts istiod-lite /staged

FROM node:26-slim
LABEL org.opencontainers.image.title="istiod-lite" org.opencontainers.image.licenses="Apache-2.0"
COPY --from=build /staged /opt/ambient-mesh
ENV NODE_ENV=production
WORKDIR /
USER 1337:1337
ENTRYPOINT ["node", "--disable-warning=ExperimentalWarning", "/opt/ambient-mesh/packages/istiod-lite/bin/istiod-lite.mjs"]
CMD ["discovery"]
