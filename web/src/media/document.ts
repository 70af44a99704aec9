/** A PDF or a picture, opened and painted in this browser: nothing of the file itself leaves it. */
import type { PDFDocumentProxy, RenderTask } from "pdfjs-dist";
import type { Placement, Size } from "./board";

export interface OpenedDocument {
  readonly name: string;
  readonly pages: number;
  size(page: number): Promise<Size>;
  /** Paints one page, its upper left corner at the placement. What is asked for later takes its place. */
  paint(onto: CanvasRenderingContext2D, page: number, at: Placement): Promise<void>;
  close(): void;
}

export type DocumentProblem = "large" | "locked" | "unreadable";

export class DocumentError extends Error {
  constructor(readonly problem: DocumentProblem) {
    super(problem);
  }
}

const LARGEST = 60 * 1024 * 1024;

export async function openDocument(file: File): Promise<OpenedDocument> {
  if (file.size > LARGEST) throw new DocumentError("large");
  return file.type.startsWith("image/") ? openPicture(file) : openPdf(file);
}

async function openPicture(file: File): Promise<OpenedDocument> {
  const picture = await createImageBitmap(file).catch(() => {
    throw new DocumentError("unreadable");
  });
  return {
    name: file.name,
    pages: 1,
    size: async () => ({ width: picture.width, height: picture.height }),
    paint: async (onto, _page, { x, y, scale }) => {
      onto.drawImage(picture, x, y, picture.width * scale, picture.height * scale);
    },
    close: () => picture.close(),
  };
}

async function openPdf(file: File): Promise<OpenedDocument> {
  // Large, and needed by those who show a document only.
  const [{ getDocument, GlobalWorkerOptions }, { default: worker }] = await Promise.all([
    import("pdfjs-dist/legacy/build/pdf.mjs"),
    import("pdfjs-dist/legacy/build/pdf.worker.min.mjs?url"),
  ]);
  GlobalWorkerOptions.workerSrc = worker;
  const data = new Uint8Array(await file.arrayBuffer());
  try {
    return pdf(file.name, await getDocument({ data, isEvalSupported: false, useWasm: false }).promise);
  } catch (error) {
    const locked = error instanceof Error && error.name === "PasswordException";
    throw new DocumentError(locked ? "locked" : "unreadable");
  }
}

function pdf(name: string, opened: PDFDocumentProxy): OpenedDocument {
  let painting: RenderTask | null = null;
  return {
    name,
    pages: opened.numPages,
    size: async (page) => {
      const { width, height } = (await opened.getPage(page)).getViewport({ scale: 1 });
      return { width, height };
    },
    paint: async (onto, page, { x, y, scale }) => {
      const loaded = await opened.getPage(page);
      painting?.cancel();
      const viewport = loaded.getViewport({ scale, offsetX: x, offsetY: y });
      // The library would make all that it paints on white: only the page is, so that its edge is seen.
      onto.fillStyle = "#fff";
      onto.fillRect(x, y, viewport.width, viewport.height);
      painting = loaded.render({ canvas: null, canvasContext: onto, viewport, background: "rgba(0, 0, 0, 0)" });
      await painting.promise;
    },
    close: () => void opened.destroy(),
  };
}
