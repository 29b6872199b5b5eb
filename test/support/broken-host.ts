/**
 * A host of model files whose connections break: it sends a file in as many pieces as it was told,
 * each only to those who ask for the rest by `Range` and `If-Range`.
 */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { onTestFinished } from "vitest";

const ETAG = '"one and only"';

export interface BrokenHost {
  readonly url: string;
  /** The first byte of each piece that was asked for. */
  readonly asked: number[];
}

/** @param cuts where connections break, in bytes from the start. */
export async function openBrokenHost(file: Buffer, cuts: readonly number[]): Promise<BrokenHost> {
  const asked: number[] = [];
  const rest = [...cuts];
  const send = (request: IncomingMessage, response: ServerResponse): void => {
    const from = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? "")?.[1] ?? 0);
    const isRest = from > 0 && request.headers["if-range"] === ETAG;
    const start = isRest ? from : 0;
    asked.push(start);
    response.writeHead(isRest ? 206 : 200, {
      etag: ETAG,
      "accept-ranges": "bytes",
      "content-type": "application/octet-stream",
      "content-length": file.length - start,
      ...(isRest && { "content-range": `bytes ${start}-${file.length - 1}/${file.length}` }),
    });
    const cut = rest.shift();
    if (cut === undefined) return void response.end(file.subarray(start));
    response.write(file.subarray(start, cut), () => request.socket.destroy());
  };
  const server = createServer(send);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/m.safetensors`, asked };
}
