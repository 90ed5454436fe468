/** The demo's capture. Its generator is loaded only for the demo: a box on a real port has no use for it. */

/** Where it lies in this folder; made when it is not there yet. */
export async function demoCaptureIn(folder: string, signal: AbortSignal): Promise<string> {
  const { demoCaptureFile } = await import('./demo/demo_capture.ts');
  return demoCaptureFile(folder, signal);
}
