/** A buffer that is written from front to back, in network byte order. Its owner checks the room. */

export class ByteCursor {
  readonly bytes: Uint8Array;
  readonly view: DataView;
  at = 0;

  constructor(capacity: number) {
    this.bytes = new Uint8Array(capacity);
    this.view = new DataView(this.bytes.buffer);
  }

  u8(value: number): void {
    this.view.setUint8(this.at, value);
    this.at += 1;
  }

  u16(value: number): void {
    this.view.setUint16(this.at, value);
    this.at += 2;
  }

  u32(value: number): void {
    this.view.setUint32(this.at, value);
    this.at += 4;
  }

  put(value: Uint8Array): void {
    this.bytes.set(value, this.at);
    this.at += value.byteLength;
  }

  /** Zeros up to the next multiple of four. */
  pad(): void {
    while ((this.at & 3) !== 0) this.u8(0);
  }
}
