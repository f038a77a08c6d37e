// What the viewer chose: which view, window, filters, selection. Lives in the URL's hash, so that a link shows the same to a colleague.
// Pure: the hash is text somebody else may have written, so whatever it holds that is not known is left out.
import { defaultWindow, windows } from '../../src/graph.ts';
import { type ColumnId, columnIds } from './columns.ts';

const protocols = ['', 'tcp', 'http', 'grpc'] as const;
const shapes = ['graph', 'table'] as const;

export interface View {
  readonly shape: (typeof shapes)[number];
  readonly windowSeconds: (typeof windows)[number];
  /** Empty: all. */
  readonly namespaces: readonly string[];
  /** Empty: all. */
  readonly protocol: (typeof protocols)[number];
  readonly search: string;
  readonly deniedOnly: boolean;
  readonly clearOnly: boolean;
  readonly hideIdle: boolean;
  /** Id of a node or an edge; empty: none. */
  readonly selected: string;
  readonly sort: { readonly column: ColumnId; readonly descending: boolean };
}

export const noFilters = { namespaces: [], protocol: '', search: '', deniedOnly: false, clearOnly: false, hideIdle: false } as const;

/** @param shape what to show when the hash does not say: the table on a phone */
export function initialView(shape: View['shape']): View {
  return { shape, windowSeconds: defaultWindow, ...noFilters, selected: '', sort: { column: 'traffic', descending: true } };
}

export function isFiltered(view: View): boolean {
  return view.namespaces.length > 0 || view.protocol !== '' || view.search !== '' || view.deniedOnly || view.clearOnly || view.hideIdle;
}

/** Without the `#`. What is as `initialView` has it is left out, except the shape: it depends on the screen. */
export function toHash(view: View): string {
  const hash = new URLSearchParams({ view: view.shape });
  if (view.windowSeconds !== defaultWindow) hash.set('window', String(view.windowSeconds));
  for (const namespace of view.namespaces) hash.append('namespace', namespace);
  if (view.protocol !== '') hash.set('protocol', view.protocol);
  if (view.search !== '') hash.set('search', view.search);
  if (view.deniedOnly) hash.append('only', 'denied');
  if (view.clearOnly) hash.append('only', 'clear');
  if (view.hideIdle) hash.set('idle', 'hide');
  if (view.sort.column !== 'traffic' || !view.sort.descending) hash.set('sort', `${view.sort.descending ? '-' : ''}${view.sort.column}`);
  if (view.selected !== '') hash.set('selected', view.selected);
  return hash.toString();
}

/** @param hash with or without the `#` */
export function fromHash(hash: string, shape: View['shape']): View {
  const asked = new URLSearchParams(hash.replace(/^#/, ''));
  const initial = initialView(shape);
  const only = asked.getAll('only');
  const sort = asked.get('sort') ?? '';
  const column = columnIds.find((id) => id === sort.replace(/^-/, ''));
  return {
    shape: shapes.find((each) => each === asked.get('view')) ?? shape,
    windowSeconds: windows.find((each) => String(each) === asked.get('window')) ?? initial.windowSeconds,
    namespaces: [...new Set(asked.getAll('namespace').filter((name) => name !== ''))].sort(),
    protocol: protocols.find((each) => each === asked.get('protocol')) ?? '',
    search: asked.get('search') ?? '',
    deniedOnly: only.includes('denied'),
    clearOnly: only.includes('clear'),
    hideIdle: asked.get('idle') === 'hide',
    selected: asked.get('selected') ?? '',
    sort: column === undefined ? initial.sort : { column, descending: sort.startsWith('-') },
  };
}

/** The next order when a column's heading is pressed: figures start with the largest, names with the first. */
export function sortedBy(view: View, column: ColumnId, startDescending: boolean): View {
  const descending = view.sort.column === column ? !view.sort.descending : startDescending;
  return { ...view, sort: { column, descending } };
}
