// What tests of any package may borrow from kube: an API server that misbehaves when told to.
// Only tests import this path; the layer checker sees to it.
export { answer, statusAnswer } from './answers.ts';
export { ApiServer } from './api-server.ts';
export { Objects, type StoredObject } from './objects.ts';
export { quietReport, type Thing, things, thingsIn } from './things.ts';
