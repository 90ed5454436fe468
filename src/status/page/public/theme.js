// Before the first paint: the theme somebody has chosen here, or the system's, so that the page does not flash.
let theme = matchMedia('(prefers-color-scheme: dark)').matches ? 'dark' : 'light';
try {
  const chosen = localStorage.getItem('flowspan.theme');
  if (chosen === 'light' || chosen === 'dark') theme = chosen;
} catch {
  // Storage may be forbidden; then the system's theme it is.
}
document.documentElement.dataset.theme = theme;
