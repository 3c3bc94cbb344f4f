// The switch between colours: those of the system, light, dark.
import { $, svg, announce } from './dom.js';
import { recall, remember } from './prefs.js';

const themes = ['auto', 'light', 'dark'];
const names = { auto: 'as the system has them', light: 'light', dark: 'dark' };
const drawings = {
  auto: 'M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18zM12 5a7 7 0 0 1 0 14z',
  light: 'M12 8a4 4 0 1 0 0 8 4 4 0 0 0 0-8zM12 2v2M12 20v2M4.900 4.900l1.400 1.400M17.700 17.700l1.400 1.400M2 12h2M20 12h2M4.900 19.100l1.400-1.400M17.700 6.300l1.400-1.400',
  dark: 'M20 14.500A8.500 8.500 0 1 1 9.500 4a7 7 0 0 0 10.500 10.500z',
};

const current = () => (themes.includes(recall('theme')) ? recall('theme') : 'auto');
let theme = current();

function show() {
  if (theme === 'auto') delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
  const text = `Colours: ${names[theme]}`;
  $('theme').setAttribute('aria-label', text);
  $('theme').title = text + ' (t)';
  $('theme').replaceChildren(svg('svg', { viewBox: '0 0 24 24', 'aria-hidden': 'true', class: theme }, svg('path', { d: drawings[theme] })));
}

// next goes on to the next colours.
export function next() {
  theme = themes[(themes.indexOf(theme) + 1) % themes.length];
  remember('theme', theme === 'auto' ? null : theme);
  show();
  announce(`Colours: ${names[theme]}`);
}

$('theme').addEventListener('click', next);
addEventListener('storage', (e) => { // another window of the page
  if (e.key === 'theme') {
    theme = current();
    show();
  }
});
show();
