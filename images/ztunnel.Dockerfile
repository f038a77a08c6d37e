# The node tunnel. Root, because it listens inside the pods of its node; of root's rights it needs NET_ADMIN, SYS_ADMIN and NET_RAW.
# Built from the top of the repository: docker build -f images/ztunnel.Dockerfile -t ambient-mesh/ztunnel .
FROM node:26-slim AS build
WORKDIR /source
COPY package.json package-lock.json LICENSE ./
COPY e2e/package.json e2e/package.json
COPY packages packages
COPY scripts scripts
RUN npm ci --no-audit --no-fund
RUN node scripts/stage.ts ztunnel /staged

FROM node:26-slim
LABEL org.opencontainers.image.title="ztunnel" org.opencontainers.image.licenses="Apache-2.0"
COPY --from=build /staged /opt/ambient-mesh
ENV NODE_ENV=production
WORKDIR /
USER 0:1337
ENTRYPOINT ["node", "--disable-warning=ExperimentalWarning", "/opt/ambient-mesh/packages/ztunnel/bin/ztunnel.mjs"]
CMD ["proxy"]
