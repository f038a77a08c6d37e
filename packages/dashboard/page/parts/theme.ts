// Light or dark: as the system says until the viewer says otherwise, which the browser then remembers.
// Colours live in style.css; the canvas asks here for those it paints with.
import { byId, write } from './element.ts';

const key = 'ambient-mesh.theme';
const button = byId('theme', HTMLButtonElement);
const systemDark = matchMedia('(prefers-color-scheme: dark)');

export function followTheme(onChange: () => void): void {
  apply(remembered());
  button.addEventListener('click', () => {
    const wanted = isDark() ? 'light' : 'dark';
    remember(wanted);
    apply(wanted);
    onChange();
  });
  systemDark.addEventListener('change', () => {
    apply(remembered());
    onChange();
  });
}

/** What a custom property of style.css is right now, as `rgb(…)`. */
export function colour(name: string): string {
  const probe = document.createElement('span');
  probe.style.color = `var(--${name})`;
  document.body.append(probe);
  const { color } = getComputedStyle(probe);
  probe.remove();
  return color;
}

function isDark(): boolean {
  const { theme } = document.documentElement.dataset;
  return theme === undefined ? systemDark.matches : theme === 'dark';
}

function apply(theme: 'light' | 'dark' | undefined): void {
  if (theme === undefined) delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
  write(button, isDark() ? 'Light' : 'Dark');
  button.setAttribute('aria-label', `Switch to the ${isDark() ? 'light' : 'dark'} theme`);
}

/** Storage may be forbidden: then the choice lasts as long as the page. */
function remembered(): 'light' | 'dark' | undefined {
  try {
    const found = localStorage.getItem(key);
    return found === 'light' || found === 'dark' ? found : undefined;
  } catch {
    return undefined;
  }
}

function remember(theme: 'light' | 'dark'): void {
  try {
    localStorage.setItem(key, theme);
  } catch {
    // Forbidden: see above.
  }
}
