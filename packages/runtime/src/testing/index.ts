// What tests of any package may borrow from runtime: a clock that they move by hand.
// Only tests import this path; the layer checker sees to it.
export { type FakeClock, fakeClock } from './clock.ts';
