// Every analyzer, in the order of `-L`. A new one is a file of analyzers/ and a line here.
import type { Analyzer } from './analyzer.ts';
import { annotations } from './analyzers/annotations.ts';
import { applicationUid } from './analyzers/application-uid.ts';
import { conditions } from './analyzers/conditions.ts';
import { endpoints } from './analyzers/endpoints.ts';
import { enrolment } from './analyzers/enrolment.ts';
import { injection } from './analyzers/injection.ts';
import { jwks } from './analyzers/jwks.ts';
import { layerSeven } from './analyzers/layer-seven.ts';
import { networkPolicies } from './analyzers/network-policies.ts';
import { networks } from './analyzers/networks.ts';
import { peerAuthentications } from './analyzers/peer-authentications.ts';
import { policyValues } from './analyzers/policy-values.ts';
import { portNames } from './analyzers/ports.ts';
import { references } from './analyzers/references.ts';
import { schema } from './analyzers/schema.ts';
import { selectors } from './analyzers/selectors.ts';
import { serviceEntries } from './analyzers/service-entries.ts';
import { sidecars } from './analyzers/sidecars.ts';
import { waypoints } from './analyzers/waypoints.ts';

export const allAnalyzers: readonly Analyzer[] = [
  annotations,
  applicationUid,
  conditions,
  endpoints,
  enrolment,
  injection,
  jwks,
  layerSeven,
  networkPolicies,
  networks,
  peerAuthentications,
  policyValues,
  portNames,
  references,
  schema,
  selectors,
  serviceEntries,
  sidecars,
  waypoints,
];
