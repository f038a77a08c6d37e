// Takes a request path apart: `/apis/GROUP/VERSION/namespaces/NS/RESOURCE/NAME/SUBRESOURCE` and its shorter forms.
// Used by resources.ts; whether there is such a resource is not asked here.

export interface ResourcePath {
  readonly group: string;
  readonly version: string;
  readonly plural: string;
  /** Empty when the path names none. */
  readonly namespace: string;
  readonly name: string;
  readonly subresource: string;
}

/** Undefined for anything that is no path of a resource. */
export function parseResourcePath(path: string): ResourcePath | undefined {
  const parts = decoded(path);
  if (parts === undefined) return undefined;
  const [root, ...rest] = parts;
  if (root === 'api') return inGroup('', rest);
  const [group = '', ...below] = rest;
  return root === 'apis' && group !== '' ? inGroup(group, below) : undefined;
}

function inGroup(group: string, [version = '', ...rest]: readonly string[]): ResourcePath | undefined {
  const isInNamespace = rest[0] === 'namespaces' && rest.length > 2 && !(rest.length === 3 && ofNamespaces.has(rest[2] ?? ''));
  const namespace = isInNamespace ? (rest[1] ?? '') : '';
  const [plural = '', name = '', subresource = '', ...more] = isInNamespace ? rest.slice(2) : rest;
  // Nothing has sub-subresources but proxies, which are not served.
  if (version === '' || plural === '' || more.length > 0) return undefined;
  return { group, version, plural, namespace, name, subresource };
}

/** Subresources of a namespace, which look like resources in it. */
const ofNamespaces: ReadonlySet<string> = new Set(['status', 'finalize']);

function decoded(path: string): readonly string[] | undefined {
  try {
    const parts = path.split('/').filter((part) => part !== '');
    return parts.map((part) => decodeURIComponent(part));
  } catch {
    return undefined;
  }
}
