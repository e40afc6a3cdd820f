/** What the page's globals were before the script was loaded. Served as ES5. */
window.before = (() => {
  const values = {};
  Object.getOwnPropertyNames(window).forEach((name) => {
    const value = window[name];
    // Some are another object each time they are looked at, which says nothing.
    values[name] = value === window[name] ? value : undefined;
  });
  return { values, methods: Object.getOwnPropertyNames(Function.prototype).join() };
})();
