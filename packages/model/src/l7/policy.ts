// Policies that waypoints enforce, in the words of the API with every target resolved. Plain data.
// Made by translate/, sent over xDS as JSON; compiled by authorize-request.ts and the waypoint's authentication.

/** What a policy applies to. */
export type Target =
  /** `namespace/hostname`. */
  | { readonly service: string }
  /** `namespace/name` of the Gateway. */
  | { readonly waypoint: string }
  /** Every waypoint of the class. */
  | { readonly waypointClass: string };

interface Named {
  readonly namespace: string;
  readonly name: string;
  /** Milliseconds since the epoch. */
  readonly createdAt: number;
  readonly targets: readonly Target[];
}

/** An AuthorizationPolicy (facts: control-plane §6.4). */
export interface RequestPolicy extends Named {
  readonly action: 'ALLOW' | 'DENY' | 'AUDIT' | 'CUSTOM';
  /** CUSTOM: name of the extension provider. */
  readonly provider?: string;
  readonly dryRun: boolean;
  readonly rules: readonly RequestRule[];
}

/** Any source, any operation, all conditions; an empty list holds. */
export interface RequestRule {
  readonly from: readonly SourceMatch[];
  readonly to: readonly OperationMatch[];
  readonly when: readonly ConditionMatch[];
}

type Strings = readonly string[];

export interface SourceMatch {
  readonly principals?: Strings;
  readonly notPrincipals?: Strings;
  readonly namespaces?: Strings;
  readonly notNamespaces?: Strings;
  readonly serviceAccounts?: Strings;
  readonly notServiceAccounts?: Strings;
  readonly trustDomains?: Strings;
  readonly notTrustDomains?: Strings;
  readonly ipBlocks?: Strings;
  readonly notIpBlocks?: Strings;
  readonly remoteIpBlocks?: Strings;
  readonly notRemoteIpBlocks?: Strings;
  readonly requestPrincipals?: Strings;
  readonly notRequestPrincipals?: Strings;
}

export interface OperationMatch {
  readonly hosts?: Strings;
  readonly notHosts?: Strings;
  readonly ports?: Strings;
  readonly notPorts?: Strings;
  readonly methods?: Strings;
  readonly notMethods?: Strings;
  readonly paths?: Strings;
  readonly notPaths?: Strings;
}

export interface ConditionMatch {
  readonly key: string;
  readonly values: Strings;
  readonly notValues: Strings;
}

/** A RequestAuthentication (facts: control-plane §6.3). */
export interface RequestAuthentication extends Named {
  readonly rules: readonly JwtRule[];
}

export interface JwtRule {
  readonly issuer: string;
  readonly audiences: Strings;
  /** A JWK set as JSON text; exactly one of this and the next, unless the issuer is to be asked (OpenID discovery). */
  readonly jwks?: string;
  readonly jwksUri?: string;
  /** Empty lists: `Authorization: Bearer` and the query parameter `access_token`. */
  readonly fromHeaders: readonly { readonly name: string; readonly prefix: string }[];
  readonly fromParams: Strings;
  readonly fromCookies: Strings;
  readonly forwardOriginalToken: boolean;
  /** Header that gets the payload, base64url. */
  readonly outputPayloadToHeader?: string;
  readonly outputClaimToHeaders: readonly { readonly header: string; readonly claim: string }[];
  readonly spaceDelimitedClaims: Strings;
  /** Milliseconds for fetching the keys. Default 5,000. */
  readonly timeout?: number;
}

/** Requests per unit of time, of a RateLimit object (ours: `ambient-mesh.dev/v1alpha1`). */
export interface RateLimit extends Named {
  readonly limits: readonly Limit[];
}

export interface Limit {
  /** All must hold for the limit to count the request; as in AuthorizationPolicy. */
  readonly when: readonly ConditionMatch[];
  readonly to: readonly OperationMatch[];
  readonly from: readonly SourceMatch[];
  /** One counter per combination of these values: `source.principal`, `source.ip`, `request.headers[x]`, `request.path`, …; empty: one for all. */
  readonly per: Strings;
  readonly requests: number;
  /** Milliseconds. */
  readonly every: number;
  /** Requests that may come at once after a time without any; at least one. Default: `requests`. */
  readonly burst?: number;
  /** `local`: each replica counts for itself. `global`: the service behind `provider` counts for all (Envoy's rate limit protocol). */
  readonly scope: 'local' | 'global';
  readonly provider?: string;
  /** `global`: what to do when the service does not answer. Default true. */
  readonly failOpen?: boolean;
}

/** A WasmPlugin (facts: control-plane §6.2). */
export interface WasmFilter extends Named {
  readonly phase: 'AUTHN' | 'AUTHZ' | 'STATS' | 'UNSPECIFIED';
  readonly priority: number;
  /** `file://…` or `http(s)://…`. */
  readonly url: string;
  readonly sha256?: string;
  /** JSON text that the plugin reads as its configuration. */
  readonly pluginConfig: string;
  readonly pluginName: string;
  readonly failOpen: boolean;
  /** Service ports; empty: all. */
  readonly ports: readonly number[];
  readonly env: readonly (readonly [string, string])[];
}
