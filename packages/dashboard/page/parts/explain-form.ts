// The form in the panel that asks which path a connection would take and which policy decides, and the steps of the answer.
import type { ExplainAnswer } from '../../src/graph.ts';
import { nameOf } from '../rules/words.ts';
import { getExplanation, sentence } from './backend.ts';
import { byId, make } from './element.ts';

export class ExplainForm {
  readonly #from = byId('explain-from', HTMLInputElement);
  readonly #to = byId('explain-to', HTMLInputElement);
  readonly #method = byId('explain-method', HTMLInputElement);
  readonly #path = byId('explain-path', HTMLInputElement);
  readonly #answer = byId('explanation', HTMLElement);
  #asking = new AbortController();

  constructor() {
    byId('explain', HTMLFormElement).addEventListener('submit', (event) => {
      event.preventDefault();
      void this.#ask();
    });
  }

  /** @param ends ids of nodes; what cannot be asked about is left to the viewer */
  start([from, to]: readonly [from: string, to: string]): void {
    this.#asking.abort();
    this.#answer.replaceChildren();
    this.#from.value = from.startsWith('workload:') ? nameOf(from) : '';
    this.#to.value = hostOf(to);
  }

  async #ask(): Promise<void> {
    this.#asking.abort();
    this.#asking = new AbortController();
    const { signal } = this.#asking;
    const asked: Record<string, string> = { from: this.#from.value.trim(), to: this.#to.value.trim() };
    if (this.#method.value.trim() !== '') asked.method = this.#method.value.trim().toUpperCase();
    if (this.#path.value.trim() !== '') asked.path = this.#path.value.trim();
    this.#answer.replaceChildren(make('p', { class: 'note' }, 'Asking…'));
    try {
      const answer = await getExplanation(asked, signal);
      if (!signal.aborted) this.#answer.replaceChildren(...explanation(answer));
    } catch (why) {
      if (!signal.aborted) this.#answer.replaceChildren(make('p', { class: 'is-denied' }, sentence(why)));
    }
  }
}

/** `db.shop.svc.cluster.local` of `service:shop/db`, `pod/shop/db` of `workload:shop/db`. The port is the viewer's to add. */
function hostOf(id: string): string {
  if (id.startsWith('workload:')) return `pod/${nameOf(id)}`;
  if (!id.startsWith('service:')) return '';
  const [namespace, name] = nameOf(id).split('/');
  return `${name}.${namespace}.svc.cluster.local`;
}

function explanation({ steps, outcome, by }: ExplainAnswer): HTMLElement[] {
  const verdict = make(
    'p',
    { class: /den|refus|fail|reset/i.test(outcome) ? 'outcome is-denied' : 'outcome' },
    by === '' ? outcome : `${outcome}: ${by}`,
  );
  return [verdict, make('ol', {}, ...steps.map(({ at, says }) => make('li', {}, make('b', {}, at), ` ${says}`)))];
}
