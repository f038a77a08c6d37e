// The control plane's own server certificate: signed by its own authority, renewed at half its life and whenever the authority changes.
// Used by app.ts, which hands each new one to the listener on 15012. The key stays in memory.
import type { ServingCertificate } from '@ambient-mesh/identity/authority';
import { type Clock, type Ms, ms } from '@ambient-mesh/runtime/time';
import type { SigningAuthority } from './signing-authority.ts';

export interface ServingOptions {
  readonly authority: SigningAuthority;
  readonly names: readonly string[];
  readonly ttl: Ms;
  readonly clock: Clock;
  readonly use: (certificate: ServingCertificate) => void;
  /** The authority cannot give one; the last one stays in use. */
  readonly failed: (why: string) => void;
}

const retry = ms(30_000);
/** How often the wall clock is looked at: it may be set while a timer of half a day runs. */
const look = ms(600_000);

/** Keeps `use` supplied until disposed of. Without an authority it waits for one. */
export function serveWithOwnCertificate({ authority, names, ttl, clock, use, failed }: ServingOptions): Disposable {
  let timer: Disposable | undefined;
  const wakeAt = (due: number): void => {
    timer?.[Symbol.dispose]();
    timer = clock.after(ms(Math.min(look, Math.max(1_000, due - clock.now()))), () => (clock.now() >= due ? renew() : wakeAt(due)));
  };
  const renew = (): void => {
    timer?.[Symbol.dispose]();
    timer = undefined;
    if (!authority.usable) return;
    const issued = authority.issueServing(names, ttl);
    const now = clock.now();
    if ('refused' in issued) {
      failed(issued.refused);
      wakeAt(now + retry);
      return;
    }
    use(issued);
    wakeAt(now + (issued.notAfter - now) / 2);
  };
  const listening = authority.onChange(renew);
  renew();
  return {
    [Symbol.dispose]: () => {
      listening[Symbol.dispose]();
      timer?.[Symbol.dispose]();
    },
  };
}

/** Every name under which clients know the control plane. */
export const servingNames = (namespace: string, clusterDomain: string, more: readonly string[]): readonly string[] => [
  ...new Set([
    `istiod.${namespace}.svc`,
    `istiod.${namespace}.svc.${clusterDomain}`,
    `istiod.${namespace}`,
    'istiod',
    'istiod.istio-system.svc',
    'istiod-remote.istio-system.svc',
    'istio-pilot.istio-system.svc',
    ...more,
  ]),
];
