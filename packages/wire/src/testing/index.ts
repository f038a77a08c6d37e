// What tests of any package may borrow from wire: peers of its protocols, driven by hand.
// Only tests import this path; the layer checker sees to it.
export {
  policyResource,
  serviceResource,
  TestControlPlane,
  type TestControlPlaneOptions,
  type TestResource,
  workloadResource,
} from './control-plane.ts';
export { Mailbox } from './mailbox.ts';
export { packetPipe, TestZdsAgent } from './zds-agent.ts';
