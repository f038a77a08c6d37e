// The form for a token of the Kubernetes API, where the dashboard does not know the viewer. The token goes to the server once, which gives a cookie for it;
// the page keeps nothing.
import { sentence, signIn } from './backend.ts';
import { byId, write } from './element.ts';

export class SignIn {
  readonly #section = byId('sign-in', HTMLElement);
  readonly #token = byId('sign-in-token', HTMLInputElement);
  readonly #problem = byId('sign-in-problem', HTMLElement);

  /** @param onSignedIn the next question will be answered */
  constructor(onSignedIn: () => void) {
    byId('sign-in-form', HTMLFormElement).addEventListener('submit', (event) => {
      event.preventDefault();
      const token = this.#token.value.trim();
      this.#token.value = '';
      signIn(token, AbortSignal.timeout(10_000)).then(onSignedIn, (why: unknown) => write(this.#problem, sentence(why)));
    });
  }

  show(isShown: boolean): void {
    if (this.#section.hidden !== isShown) return;
    this.#section.hidden = !isShown;
    write(this.#problem, '');
    if (isShown) this.#token.focus();
  }
}
