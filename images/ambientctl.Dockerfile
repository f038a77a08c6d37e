# The user's command line, with the charts that it installs.
# Built from the top of the repository: docker build -f images/ambientctl.Dockerfile -t ambient-mesh/ambientctl .
FROM node:26-slim AS build
WORKDIR /source
COPY package.json package-lock.json tsconfig.json LICENSE ./
COPY e2e/package.json e2e/package.json
COPY packages packages
COPY scripts scripts
RUN npm ci --no-audit --no-fund
RUN node scripts/build-page.ts
RUN node scripts/stage.ts ambientctl /staged
COPY charts /staged/charts

FROM node:26-slim
LABEL org.opencontainers.image.title="ambientctl" org.opencontainers.image.licenses="Apache-2.0"
COPY --from=build /staged /opt/ambient-mesh
ENV NODE_ENV=production
WORKDIR /
USER 1337:1337
ENTRYPOINT ["node", "--disable-warning=ExperimentalWarning", "/opt/ambient-mesh/packages/ambientctl/bin/ambientctl.mjs"]
CMD ["--help"]
