// Package ansi tells text from what a terminal takes as a command: escape
// sequences and control characters. [Guard] makes output safe to show, [Plain]
// makes text of a line, [Text] of a stream.
//
// A Guard lets through colours and what moves within a line, because that is what
// progress is made of. All else is shown instead of obeyed: what sets the title, the
// clipboard or a link, asks the terminal for an answer (which it would type), draws
// over what stands above, hides text, or ends the terminal's UTF-8.
package ansi
