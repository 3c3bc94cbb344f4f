// The reader that the page is for, chosen in the bar and remembered.
import { $, h } from './dom.js';
import { recall, remember } from './prefs.js';

const select = $('reader');
const listeners = [];

export const current = () => select.value;
export const currentName = () => select.selectedOptions[0]?.textContent || '';
export const name = (r) => r.name || r.id;
export const onChange = (f) => listeners.push(f);

// offer shows the readers to choose from.
export function offer(readers) {
  const before = select.value, wanted = before || recall('reader');
  const same = select.options.length === readers.length && readers.every((r, i) => select.options[i].value === r.id && select.options[i].text === name(r));
  if (!same) select.replaceChildren(...readers.map((r) => h('option', { value: r.id }, name(r))));
  if (readers.some((r) => r.id === wanted)) select.value = wanted;
  select.disabled = readers.length === 0;
  if (select.value !== before) listeners.forEach((f) => f());
}

// choose makes a reader the current one.
export function choose(id) {
  select.value = id;
  changed();
}

function changed() {
  remember('reader', select.value);
  listeners.forEach((f) => f());
}

select.addEventListener('change', changed);
