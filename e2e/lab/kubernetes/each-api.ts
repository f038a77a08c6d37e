// Which API servers the conformance tests run on: the lab's own, and a real one when KUBEBUILDER_ASSETS names it.
// Whatever is tested over this must hold on both; what only ours can do (faults, compaction) has tests of its own.
import type { ClusterKeys } from './auth/cluster-keys.ts';
import { KubeApi } from './kube-api.ts';
import { RealKubeApi, realAssets } from './real.ts';

export interface ApiUnderTest extends AsyncDisposable {
  readonly port: number;
  readonly keys: ClusterKeys;
  kubeconfig(server?: string): string;
  /** Kills the server; what it serves stays. */
  stop(): Promise<void>;
  /** On the same port again. */
  start(): Promise<void>;
}

export type ApiName = 'the lab' | 'kube-apiserver';

const assets = realAssets();

export const apis: readonly (readonly [name: ApiName, start: () => Promise<ApiUnderTest>])[] = [
  ['the lab', () => KubeApi.start({ listen: { ip: '127.0.0.1', port: 0 } })],
  ...(assets === undefined ? [] : ([['kube-apiserver', () => RealKubeApi.start(assets)]] as const)),
];
