// Session persistence of a rule, in the shapes of version 1.6 and after (facts: gateway-api-mesh §3.6). Pure.
import type { Persistence } from '@ambient-mesh/model/l7/route';
import type { SessionPersistence } from '../kinds/route-parts.ts';
import { gatewayDuration } from './duration.ts';
import { type Refusal, unsupported } from './route-findings.ts';

/** Names of cookies and headers alike (RFC 9110 §5.6.2). */
const token = /^[\w!#$%&'*+.^`|~-]+$/;

/** `otherwise`: its name where the object gives none. */
export function persistenceOf(
  written: SessionPersistence | undefined,
  otherwise: string,
): { readonly persistence?: Persistence } | Refusal {
  if (written === undefined) return {};
  const { type, name, path, absoluteTimeout, lifetime } = written;
  if (type !== 'Cookie' && type !== 'Header') return unsupported(`session persistence by ${type} is not known`);
  if (lifetime !== 'Session' && lifetime !== 'Permanent') return unsupported(`the lifetime ${lifetime} of a cookie is not known`);
  if (name !== '' && !token.test(name)) return unsupported(`${JSON.stringify(name)} cannot be the name of a cookie or header`);
  const timeout = absoluteTimeout === undefined ? undefined : gatewayDuration(absoluteTimeout);
  if (absoluteTimeout !== undefined && timeout === undefined) return unsupported(`absoluteTimeout ${absoluteTimeout} is no duration`);
  const permanent = type === 'Cookie' && lifetime === 'Permanent';
  if (permanent && !timeout) return unsupported('a permanent cookie needs an absoluteTimeout');
  const by = type === 'Cookie' ? ('cookie' as const) : ('header' as const);
  const called = name || otherwise;
  return {
    persistence: {
      by,
      name: by === 'header' ? called.toLowerCase() : called,
      ...(by === 'cookie' && path !== '' && { path }),
      // 0 switches the limit off, as it does for other timeouts.
      ...(timeout !== undefined && timeout > 0 && { absoluteTimeout: timeout }),
      permanent,
    },
  };
}
