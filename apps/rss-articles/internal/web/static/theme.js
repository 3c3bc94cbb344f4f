// Before anything is drawn: the colours that were chosen the last time. It is no
// module, since those run only when the page has been drawn.
'use strict';
try {
  const theme = localStorage.getItem('theme');
  if (theme === 'light' || theme === 'dark') document.documentElement.dataset.theme = theme;
} catch { /* storage is off */ }
