// provisional
import type { Pod } from './pod.ts';
export class NodeAgent implements AsyncDisposable {
  readonly path: string;
  constructor(path: string) { this.path = path; }
  static async start(path: string): Promise<NodeAgent> { return new NodeAgent(path); }
  async enrol(_pod: Pod): Promise<void> {}
  async [Symbol.asyncDispose](): Promise<void> {}
}
