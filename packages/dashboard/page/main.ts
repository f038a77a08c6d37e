// The web page of the graph: who talks to whom, live. Started by index.html; builds all parts and keeps one View and one Graph for them.
// What to show is decided by rules/ (pure, tested); parts/ do the DOM, the canvas and the backend.
import type { Graph } from '../src/graph.ts';
import { follow, getSession, SignedOut, sentence } from './parts/backend.ts';
import { Canvas } from './parts/canvas.ts';
import { byId, make, write } from './parts/element.ts';
import { Filters } from './parts/filters.ts';
import { Panel } from './parts/panel.ts';
import { SignIn } from './parts/sign-in.ts';
import { Table } from './parts/table.ts';
import { followTheme } from './parts/theme.ts';
import { columns } from './rules/columns.ts';
import { counted } from './rules/figures.ts';
import { shown } from './rules/filter.ts';
import { newDenials } from './rules/news.ts';
import { nodeInWords, provenance, summary } from './rules/summary.ts';
import { fromHash, isFiltered, sortedBy, toHash, type View } from './rules/view.ts';

const narrow = matchMedia('(max-width: 760px)');
const readHash = (): View => fromHash(location.hash, narrow.matches ? 'table' : 'graph');

let view = readHash();
let graph: Graph | undefined;
let polling = new AbortController();

const graphSection = byId('graph', HTMLElement);
const tableSection = byId('table', HTMLElement);
const canvasElement = byId('canvas', HTMLElement);
const news = byId('news', HTMLElement);

const filters = new Filters(change);
const panel = new Panel(() => change({ selected: '' }));
const table = new Table(tableSection, (column) => change(sortedBy(view, column, columns[column].isFigure)));
const canvas = new Canvas(canvasElement, {
  onSelect: (id) => change({ selected: id }),
  onFocus: (id) => {
    const node = graph?.nodes.find((each) => each.id === id);
    if (node !== undefined && graph !== undefined) write(news, nodeInWords(node, graph.edges));
  },
});

const signIn = new SignIn(() => {
  introduce();
  poll();
});

followTheme(() => canvas.recolour());
byId('zoom-in', HTMLButtonElement).addEventListener('click', () => canvas.zoomBy(1.25));
byId('zoom-out', HTMLButtonElement).addEventListener('click', () => canvas.zoomBy(0.8));
byId('fit', HTMLButtonElement).addEventListener('click', () => canvas.fit());
byId('arrange', HTMLButtonElement).addEventListener('click', () => canvas.arrange());
byId('skip', HTMLAnchorElement).addEventListener('click', (event) => {
  event.preventDefault();
  change({ shape: 'table' });
  tableSection.focus();
});
addEventListener('hashchange', () => {
  const before = view;
  view = readHash();
  afterChange(before);
});
addEventListener('keydown', (event) => {
  if (event.key !== 'Escape' || event.defaultPrevented) return;
  if (!filters.closeMenu() && view.selected !== '') change({ selected: '' });
});
introduce();
render();
poll();

/** The viewer chose something: it goes into the address too, where a link can be copied from. */
function change(changed: Partial<View>): void {
  const before = view;
  view = { ...view, ...changed };
  history.replaceState(null, '', `#${toHash(view)}`);
  afterChange(before);
}

function afterChange(before: View): void {
  render();
  if (before.windowSeconds !== view.windowSeconds) poll();
}

function poll(): void {
  polling.abort();
  polling = new AbortController();
  const { windowSeconds } = view;
  void follow({ windowSeconds, onGraph, onGone }, polling.signal);
}

function onGraph(now: Graph): void {
  const sentences = newDenials(graph, now);
  if (sentences !== '') write(news, sentences);
  if (!byId('gone', HTMLElement).hidden) introduce();
  graph = now;
  signIn.show(false);
  setGone('');
  render();
}

function onGone(why: unknown): void {
  const isSignedOut = why instanceof SignedOut;
  signIn.show(isSignedOut);
  const reason = isSignedOut ? 'You are not signed in.' : sentence(why);
  setGone(graph === undefined ? reason : `${reason} What you see is from ${new Date(graph.at).toLocaleTimeString()}.`);
}

/** The last graph stays, in grey. */
function setGone(why: string): void {
  const banner = byId('gone', HTMLElement);
  banner.hidden = why === '';
  write(banner, why);
  byId('main', HTMLElement).classList.toggle('is-old', why !== '');
}

/** Who is looking, and what this dashboard can answer. Asked again after each interruption. */
function introduce(): void {
  getSession(AbortSignal.timeout(10_000)).then(
    ({ viewer, version, features }) => {
      panel.features = features;
      const session = byId('session', HTMLElement);
      write(session, viewer);
      session.title = `ambient-mesh ${version}`;
      render();
    },
    // The poll of the graph says the same in the banner.
    () => undefined,
  );
}

function render(): void {
  filters.show(view, graph?.namespaces ?? []);
  if (graph === undefined) return;
  const visible = shown(graph, view);
  const text = summary(visible);
  write(byId('summary-text', HTMLElement), text);
  write(byId('provenance', HTMLElement), provenance(graph, view.windowSeconds));
  canvasElement.setAttribute('aria-label', `Graph: ${text}`);
  showWarnings(graph.warnings);
  showEmpty(visible.edges.length === 0 && (visible.nodes.length === 0 || view.shape === 'table'));
  tableSection.hidden = view.shape !== 'table';
  graphSection.hidden = view.shape !== 'graph';
  if (view.shape === 'table') table.show(visible.edges, view);
  else {
    canvas.show(visible);
    canvas.select(view.selected);
  }
  panel.show(graph, view);
}

function showEmpty(isEmpty: boolean): void {
  const empty = byId('empty', HTMLElement);
  empty.hidden = !isEmpty;
  const filtered = isFiltered(view);
  write(byId('empty-title', HTMLElement), filtered ? 'Nothing matches the filters' : 'No traffic seen yet');
  write(
    byId('empty-text', HTMLElement),
    filtered
      ? 'Clear some of them, or choose a longer window.'
      : 'Connections of pods in the mesh appear here within seconds. To put a namespace into the mesh: kubectl label namespace NAME istio.io/dataplane-mode=ambient',
  );
}

function showWarnings(warnings: readonly string[]): void {
  byId('warnings', HTMLElement).hidden = warnings.length === 0;
  write(byId('warnings-summary', HTMLElement), `The picture is not complete: ${counted(warnings.length, 'warning')}`);
  const list = byId('warnings-list', HTMLUListElement);
  if ([...list.children].map((item) => item.textContent).join('\n') !== warnings.join('\n'))
    list.replaceChildren(...warnings.map((warning) => make('li', {}, warning)));
}
