// The words of `docs/INTERMEDIARIES.md` that no run finds out.

export const introduction = `# Intermediaries

What stands between a client and its hub in practice, tried with the real products. This page is written by \`npm run test:intermediaries\`; its
figures are those of the last whole run on one machine, without any latency of a network. The client uses its default options; the hub behind each product has \`trustProxy: true\`
and lists the pages' origins.

A setting without a suffix is the product's default, \`-well\` is the configuration recommended at the end of this page, \`-h2\` has TLS and HTTP/2 in front.`;

export const matrixText = `Each transport forced alone. *In time*: messages come as they are published; in brackets, how many milliseconds after the start the first
came, and how late the latest of the others was (short polls ask twice a second at most). *Only when complete*: the product keeps an answer, its head too, until it has ended.
*Refused*: how the attempt ended. Node tries all but the iframe, which Chromium tries; through the forward proxies Chromium tries all.`;

export function soakText(seconds) {
  return `One client a line, all at the same time for ${seconds} s. *Steady* clients hear ten messages a second and send every 3 s; *quiet* ones hear one message every 35 s, so
that only heartbeats keep their connections alive. In a browser the quiet client shares the page of the steady one, and so knows what worked there. *There after*: when the client had come to the transport on
which it stayed. *Attempts in vain*: opens that never carried the session, among them the long poll that is opened beside a WebSocket where nothing is known of the network.`;
}

/** By setting, beside its remedy. */
export const advice = {
  'nginx-well': `\`proxy_pass\` alone speaks HTTP/1.0 to the hub and drops Upgrade. Streams get through because the hub answers with \`X-Accel-Buffering: no\`; \`proxy_ignore_headers
X-Accel-Buffering\` would undo that, \`proxy_buffering off\` makes sure of it. The default \`Host\` is the name in \`proxy_pass\`: pass the real one on, and set \`trustProxy\` or \`origins\` at the hub.`,
  'haproxy-well': `WebSocket and streams work as they are, but pieces of a streamed answer are gathered for up to 200 ms without \`option http-no-delay\`. An upgraded
connection lives by \`timeout tunnel\`; without it, by the client and server time-outs. The hub's heartbeats (10 s) keep both alive; longer times only save reconnects when the hub's \`heartbeatMs\` is longer than they are.`,
  'apache-well': `Needs \`mod_proxy_http\`. \`upgrade=websocket\` is understood since 2.4.47; older versions need \`mod_proxy_wstunnel\`. \`ProxyPass\` sets \`X-Forwarded-Host\` by itself, so
\`trustProxy: true\` suffices at the hub.`,
  'varnish-well': `The built-in VCL passes POSTs and streams answers, but refuses an upgrade. A piped connection ends after \`pipe_timeout\` of silence, 60 s by default.`,
  'lighttpd-well': `By default an answer is collected until it is complete, its head too, so that only polls get through. Needs \`mod_proxy\`; \`2\` sends on what comes at once.`,
  'mitmproxy-well': `What holds for mitmproxy holds for many tools that inspect traffic: WebSocket passes, everything else is read whole before it is sent on. Where WebSocket is switched
off too, polls remain, and the client finds them.`,
  'h2o-well': `\`proxy.websocket\` is off by default. \`proxy.timeout.io\` (30 s) ends every answer that is silent for so long; the hub's polls end after 25 s at most and its streams have a heartbeat every 10 s.`,
  squid: `A page that speaks plain \`ws:\` through a forward proxy needs CONNECT to the hub's port; Debian's configuration allows it for port 443 alone. With \`wss:\` nothing is to be done.
Without CONNECT the client streams over HTTP.`,
};
