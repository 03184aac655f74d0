/** Cuts a command line into its words: blanks part them, quotes and backslashes keep together. Nothing is expanded. */
export function words(line: string): string[] {
  const found: string[] = [];
  let word: string | undefined;
  for (let i = 0; i < line.length; i++) {
    const c = line[i]!;
    if (c === "'" || c === '"') {
      const [text, end] = quoted(line, i);
      word = (word ?? "") + text;
      i = end;
    } else if (/\s/.test(c)) {
      if (word !== undefined) found.push(word);
      word = undefined;
    } else {
      word = (word ?? "") + (c === "\\" && i + 1 < line.length ? line[++i]! : c);
    }
  }
  if (word !== undefined) found.push(word);
  return found;
}

/** The text between quotes that begin at `from`, and where they end. */
function quoted(line: string, from: number): [text: string, end: number] {
  const quote = line[from]!;
  let text = "";
  for (let i = from + 1; i < line.length; i++) {
    const c = line[i]!;
    if (c === quote) return [text, i];
    if (quote === '"' && c === "\\" && /["\\]/.test(line[i + 1] ?? "")) text += line[++i]!;
    else text += c;
  }
  throw new Error(`a ${quote} is not closed`);
}
