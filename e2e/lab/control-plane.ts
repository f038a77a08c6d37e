// provisional
import type { Netns } from '@ambient-mesh/host/netns';
import type { Workload } from '@ambient-mesh/model/workload';
export class ControlPlane implements AsyncDisposable {
  static async start(_underlay: Netns, _folder: string): Promise<ControlPlane> { return new ControlPlane(); }
  clientEnv: Readonly<Record<string, string>> = {};
  async put(_w: Workload): Promise<void> {}
  async [Symbol.asyncDispose](): Promise<void> {}
}
