// Try to send something, so that anyone can see the browser refuse.

const NOWHERE = "https://leadone.invalid/"; // a name that can't exist (RFC 2606), should the policy fail

/** One sentence: what the browser did with a request of this page. */
export async function tryToSend() {
  let refusal = null;
  const listen = (event) => { refusal = event; };
  document.addEventListener("securitypolicyviolation", listen);
  const went = await fetch(NOWHERE, { method: "POST", body: "a heartbeat" }).then(() => true, () => false);
  await new Promise((done) => setTimeout(done, 50)); // the report comes just after the refusal
  document.removeEventListener("securitypolicyviolation", listen);
  if (!went && refusal) return `Refused by the browser, under “${refusal.effectiveDirective}” of this page's policy: nothing was sent.`;
  return "The browser did not refuse: this copy of the page was changed; don't trust it.";
}
