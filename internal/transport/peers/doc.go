// Package peers tells the processes of a group at once that one of them has
// died. A group learns it when a session times out, which is seconds; but when a
// process dies, its kernel closes its connections at once and refuses new ones.
//
//	process A                         process B
//	Watch ── connects ─────────────▶  Listener
//	      ◀── token ────────────────  (16 random bytes of this process)
//	      …  the connection idles  …
//	      ◀── closed ───────────────  B is killed
//	      ── connects again ───────▶  refused, or another token: B is dead
//
// Proof is needed, since a live process that is taken for dead has to start its
// work again: the same watch must have seen the process at its address before,
// and then find that nobody listens there, or somebody else. A connection that
// is cut, a host or a network that is away, a process that is stopped prove
// nothing: there the session has to time out. What a watch takes for proof
// depends on the address being the process's own: behind a load balancer or a
// proxy, who refuses a connection may be somebody else.
//
// Nothing but the token is sent, and nothing is read. A Listener bounds its
// connections.
package peers
