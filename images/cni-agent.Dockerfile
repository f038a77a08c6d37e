# The node agent, with nft and ip, and with the CNI plugin that it puts on the node. Root, because it enters pods and writes the node's CNI configuration.
# Built from the top of the repository: docker build -f images/cni-agent.Dockerfile -t ambient-mesh/cni-agent .
FROM node:26-slim AS build
WORKDIR /source
COPY package.json package-lock.json LICENSE ./
COPY e2e/package.json e2e/package.json
COPY packages packages
COPY scripts scripts
RUN npm ci --no-audit --no-fund
RUN node scripts/stage.ts cni-agent /staged
RUN node scripts/build-plugin.ts --out /plugin/istio-cni

FROM node:26-slim
RUN apt-get update && apt-get install --yes --no-install-recommends iproute2 nftables && rm -rf /var/lib/apt/lists/*
LABEL org.opencontainers.image.title="cni-agent" org.opencontainers.image.licenses="Apache-2.0"
COPY --from=build /staged /opt/ambient-mesh
COPY --from=build /plugin/istio-cni /opt/cni/bin/istio-cni
ENV NODE_ENV=production
WORKDIR /
USER 0:0
ENTRYPOINT ["node", "--disable-warning=ExperimentalWarning", "/opt/ambient-mesh/packages/cni-agent/bin/cni-agent.mjs"]
CMD ["install-cni"]
