/** Light, dark, or as the system has it. What was chosen is kept in this browser; storage that is forbidden is no trouble. */

export const themes = ['system', 'light', 'dark'] as const;
export type Theme = (typeof themes)[number];

const key = 'flowspan.theme';
const systemDark = matchMedia('(prefers-color-scheme: dark)');
const listeners = new Set<() => void>();

export function chosenTheme(): Theme {
  try {
    return themes.find((theme) => theme === localStorage.getItem(key)) ?? 'system';
  } catch {
    return 'system'; // storage is forbidden here
  }
}

export function chooseTheme(theme: Theme): void {
  try {
    if (theme === 'system') localStorage.removeItem(key);
    else localStorage.setItem(key, theme);
  } catch {
    // storage is forbidden here: the choice lasts as long as the page
  }
  apply(theme);
}

/** Called when the colours have changed: charts read them anew. */
export function onThemeChange(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

function apply(theme: Theme): void {
  document.documentElement.dataset.theme = theme === 'system' ? (systemDark.matches ? 'dark' : 'light') : theme;
  for (const listener of listeners) listener();
}

export function startTheme(): void {
  apply(chosenTheme());
  systemDark.addEventListener('change', () => apply(chosenTheme()));
}
