// The panel of details of one edge or one node: figures, identities, neighbours, the last access-log lines, and a form that asks for an explanation.
// Shows what it is given; what it asks the backend itself is the log and the explanation (explain.ts).
import type { Graph, GraphEdge, GraphNode, LogLine, Session } from '../../src/graph.ts';
import { type Fact, factsOfEdge, factsOfNode } from '../rules/facts.ts';
import { edgeInWords } from '../rules/summary.ts';
import { toHash, type View } from '../rules/view.ts';
import { isDenied, kinds, nameOf, spoken, titleOf } from '../rules/words.ts';
import { getLog, sentence } from './backend.ts';
import { byId, make, write } from './element.ts';
import { ExplainForm } from './explain-form.ts';

type Subject = { readonly edge: GraphEdge } | { readonly node: GraphNode; readonly edges: readonly GraphEdge[] };

/** A node of a busy mesh has hundreds; the table has them all. */
const mostEdges = 30;

export class Panel {
  readonly #panel = byId('panel', HTMLElement);
  readonly #title = byId('panel-title', HTMLHeadingElement);
  readonly #facts = byId('panel-facts', HTMLDListElement);
  readonly #edgeList = byId('panel-edge-list', HTMLUListElement);
  readonly #lines = byId('log-lines', HTMLOListElement);
  readonly #explain = new ExplainForm();
  #shownId = '';
  #subject: Subject | undefined;
  #features: Session['features'] = { logs: false, explain: false };
  #asking = new AbortController();
  /** Where the focus was before the panel took it. */
  #cameFrom: Element | null = null;

  constructor(onClose: () => void) {
    this.#lines.tabIndex = 0;
    byId('panel-close', HTMLButtonElement).addEventListener('click', onClose);
    byId('log-refresh', HTMLButtonElement).addEventListener('click', () => void this.#loadLog(this.#shownId));
  }

  /** Known a moment after the page has started, and again after each interruption. */
  set features(features: Session['features']) {
    this.#features = features;
    if (this.#shownId !== '') this.#offerQuestions();
  }

  /** A selection that the graph no longer holds keeps its last figures. */
  show(graph: Graph, view: View): void {
    if (view.selected === '') {
      this.#close();
      return;
    }
    const subject = find(graph, view.selected);
    const isNew = view.selected !== this.#shownId;
    if (subject !== undefined) this.#fill(subject, view);
    else if (isNew) this.#fillGone(view.selected);
    const wasKnown = !isNew && this.#subject !== undefined;
    if (isNew || subject !== undefined) this.#subject = subject;
    if (isNew) this.#open(view.selected);
    if (isNew || (!wasKnown && subject !== undefined)) this.#offerQuestions();
  }

  #open(id: string): void {
    if (this.#shownId === '') this.#cameFrom = document.activeElement;
    this.#shownId = id;
    this.#panel.hidden = false;
    this.#panel.scrollTop = 0;
    this.#title.focus({ preventScroll: true });
  }

  /** The log and the explanation, where this dashboard has them. */
  #offerQuestions(): void {
    const subject = this.#subject;
    byId('panel-log', HTMLElement).hidden = !this.#features.logs || subject === undefined;
    byId('panel-explain', HTMLElement).hidden = !this.#features.explain || subject === undefined;
    if (subject === undefined) return;
    this.#explain.start('edge' in subject ? [subject.edge.from, subject.edge.to] : [subject.node.id, '']);
    void this.#loadLog(this.#shownId);
  }

  #close(): void {
    if (this.#shownId === '') return;
    this.#shownId = '';
    this.#asking.abort();
    const hadFocus = this.#panel.contains(document.activeElement);
    this.#panel.hidden = true;
    if (hadFocus && this.#cameFrom instanceof HTMLElement && this.#cameFrom.isConnected) this.#cameFrom.focus();
    this.#cameFrom = null;
  }

  #fill(subject: Subject, view: View): void {
    const isEdge = 'edge' in subject;
    write(byId('panel-kind', HTMLElement), isEdge ? 'Connection' : kinds[subject.node.kind]);
    write(this.#title, isEdge ? titleOf(subject.edge) : nameOf(subject.node.id));
    this.#panel.classList.toggle('is-denied', isEdge && isDenied(subject.edge));
    this.#showFacts(isEdge ? factsOfEdge(subject.edge) : factsOfNode(subject.node));
    byId('panel-edges', HTMLElement).hidden = isEdge || subject.edges.length === 0;
    if (!isEdge) this.#showEdges(subject.edges.slice(0, mostEdges), view);
  }

  #fillGone(id: string): void {
    write(byId('panel-kind', HTMLElement), 'Not in this graph');
    write(this.#title, id.split('>').slice(0, 2).map(spoken).join(' to '));
    this.#showFacts([['About', 'Nothing was seen of it in this window. A longer one may hold it.']]);
    byId('panel-edges', HTMLElement).hidden = true;
  }

  /** The same terms get their new figures written in place. */
  #showFacts(facts: readonly Fact[]): void {
    const terms = [...this.#facts.querySelectorAll('dt')].map((term) => term.textContent);
    if (terms.join() !== facts.map(([term]) => term).join())
      this.#facts.replaceChildren(...facts.map(([term]) => make('div', {}, make('dt', {}, term), make('dd'))));
    const descriptions = this.#facts.querySelectorAll('dd');
    facts.forEach(([, text], at) => {
      const description = descriptions[at];
      if (description !== undefined) write(description, text);
    });
  }

  #showEdges(edges: readonly GraphEdge[], view: View): void {
    const links = [...this.#edgeList.querySelectorAll('a')];
    const hrefs = edges.map((edge) => `#${toHash({ ...view, selected: edge.id })}`);
    if (links.map((link) => link.getAttribute('href')).join() !== hrefs.join())
      this.#edgeList.replaceChildren(...hrefs.map((href) => make('li', {}, make('a', { href }))));
    this.#edgeList.querySelectorAll('a').forEach((link, at) => {
      const edge = edges[at];
      if (edge === undefined) return;
      write(link, edgeInWords(edge));
      link.classList.toggle('is-denied', isDenied(edge));
    });
  }

  async #loadLog(id: string): Promise<void> {
    this.#asking.abort();
    this.#asking = new AbortController();
    const { signal } = this.#asking;
    if (!this.#features.logs) return;
    this.#lines.replaceChildren(make('li', { class: 'note' }, 'Reading…'));
    try {
      const [from = '', to] = id.split('>');
      const { lines } = await getLog({ from, ...(to !== undefined && { to }) }, signal);
      if (signal.aborted) return;
      this.#lines.replaceChildren(...(lines.length > 0 ? lines.map(logLine) : [make('li', { class: 'note' }, 'No lines about it.')]));
      this.#lines.scrollTop = 0;
    } catch (why) {
      if (!signal.aborted) this.#lines.replaceChildren(make('li', { class: 'note' }, sentence(why)));
    }
  }
}

function find(graph: Graph, id: string): Subject | undefined {
  const edge = graph.edges.find((each) => each.id === id);
  if (edge !== undefined) return { edge };
  const node = graph.nodes.find((each) => each.id === id);
  return node && { node, edges: graph.edges.filter(({ from, to }) => from === id || to === id) };
}

function logLine({ at, text, pod }: LogLine): HTMLLIElement {
  const line = make('li', { title: `${new Date(at).toLocaleString()}, ${pod}` }, text);
  line.classList.toggle('is-denied', /\berror\b|\bdenied\b|\bRBAC\b/i.test(text));
  return line;
}
