// What the page remembers in the browser.

export function recall(name) {
  try {
    return localStorage.getItem(name);
  } catch {
    return null; // storage is off
  }
}

export function remember(name, value) {
  try {
    if (value === null) localStorage.removeItem(name);
    else localStorage.setItem(name, value);
  } catch { /* storage is off */ }
}

// toggle ties a checkbox to a name, and says when it changes.
export function toggle(box, name, otherwise, changed = () => {}) {
  const stored = recall(name);
  box.checked = stored === null ? otherwise : stored === 'yes';
  box.addEventListener('change', () => {
    remember(name, box.checked ? 'yes' : 'no');
    changed();
  });
}
