// Times as Kubernetes writes them.
// Used by the kubelet's statuses.

/** In whole seconds. */
export const rfc3339 = (date: Date): string => date.toISOString().replace(/\.\d+Z$/, 'Z');
