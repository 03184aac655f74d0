// Package daemon is the engine behind a door: it opens a state directory as its owner,
// listens, and lets in who may.
//
// Guarantees:
//
//  1. Without Listen there is no network: one unix socket, with mode 0600 from its first
//     moment on, in a folder of mode 0700, for this user (and root) alone.
//  2. Over the network nobody does anything without a token; beyond the own machine
//     there is no listening without TLS. A token is kept as its hash, and one that was
//     revoked or has expired lets nobody in from the next request on, and ends what was
//     begun with it.
//  3. What a verb asks for stands in one table, and what is not in it is not served.
//     Nothing with an effect is reachable by GET, from a page of another site, or under a
//     name that is not ours.
//  4. Whoever is slow, silent, greedy or many costs a bounded amount, and does not keep
//     others from being served.
//  5. Who did something is whom it has let in. What they say of themselves is a claim, and
//     is kept as one.
//  6. Where it is told to end, it takes nothing more, and what runs under supervisors
//     goes on.
//
// Not promised: that two programs of one user are kept from each other.
package daemon
