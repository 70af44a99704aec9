/** Is the text in the clipboard now? Browsers may refuse, and have no clipboard at all on an address that is not secure. */
export async function copiedText(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return false;
  }
}
