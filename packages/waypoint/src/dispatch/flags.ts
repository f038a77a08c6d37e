// What went wrong with a request, in Envoy's short words: they are in the access log and in the label `response_flags`.

export type ResponseFlag =
  /** No endpoint. */
  | 'UH'
  /** Could not connect. */
  | 'UF'
  /** The connection ended, or was reset, before the answer was complete. */
  | 'UC'
  | 'UR'
  /** The answer was not HTTP. */
  | 'UPE'
  /** A limit of the destination. */
  | 'UO'
  /** Timed out. */
  | 'UT'
  /** Retries used up. */
  | 'URX'
  /** No route, no cluster. */
  | 'NR'
  | 'NC'
  /** The client went away. */
  | 'DC'
  | 'DPE'
  /** Faults injected on purpose. */
  | 'DI'
  | 'FI'
  | 'RL'
  | 'RLSE'
  /** Refused by external authorization. */
  | 'UAEX'
  /** The stream idled too long. */
  | 'SI';
