// Collects what the browser forbids, and when: milliseconds since the page began.
window.violations = [];
document.addEventListener('securitypolicyviolation', ({ effectiveDirective, blockedURI }) => {
  window.violations.push({ directive: effectiveDirective, blockedURI, at: performance.now() });
});
