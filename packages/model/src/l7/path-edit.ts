// Changes the path of a request: rewrites, and the path of a redirect (facts: gateway-api-mesh §3.5). Pure.
// Called by the waypoint's plan and by redirect.ts.
import { Pattern } from './pattern.ts';
import type { PathEdit } from './route.ts';

const patterns = new WeakMap<PathEdit, Pattern>();

/** `path` with its query, which stays unless the edit brings its own. A path that does not have the prefix stays whole. Throws SyntaxError for a regular expression that cannot be used. */
export function editPath(path: string, edit: PathEdit): string {
  const end = path.indexOf('?');
  const [bare, query] = end < 0 ? [path, ''] : [path.slice(0, end), path.slice(end)];
  const edited = editBare(bare, edit);
  const whole = edited.startsWith('/') ? edited : `/${edited}`;
  return whole.includes('?') ? whole : whole + query;
}

/** Throws SyntaxError when the edit cannot be carried out. */
export function patternOf(edit: Extract<PathEdit, { readonly regex: string }>): Pattern {
  const known = patterns.get(edit);
  if (known !== undefined) return known;
  const made = new Pattern(edit.regex);
  patterns.set(edit, made);
  return made;
}

function editBare(path: string, edit: PathEdit): string {
  if ('full' in edit) return edit.full;
  if ('regex' in edit) return patternOf(edit).replace(path, edit.by);
  if (edit.whole === 'characters') return path.startsWith(edit.prefix) ? edit.by + path.slice(edit.prefix.length) : path;
  const prefix = withoutSlash(edit.prefix);
  if (!path.startsWith(prefix)) return path;
  const rest = path.slice(prefix.length);
  if (rest !== '' && !rest.startsWith('/')) return path;
  return rest === '' ? edit.by : withoutSlash(edit.by) + rest;
}

const withoutSlash = (text: string): string => (text.endsWith('/') ? text.slice(0, -1) : text);
