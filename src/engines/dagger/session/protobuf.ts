/** One field of a protobuf message: a number for varints and fixed widths, bytes for everything else. */
export type Field = readonly [id: number, value: number | Buffer];

/** Reads the fields of one message. Throws RangeError on bytes that are no message. */
export function* fields(message: Buffer): Generator<Field> {
  let at = 0;
  const varint = (): number => {
    let value = 0;
    for (let scale = 1; ; scale *= 128) {
      const byte = message.readUInt8(at++);
      value += (byte & 127) * scale;
      if (byte < 128) return value;
    }
  };
  while (at < message.length) {
    const key = varint();
    const id = Math.floor(key / 8);
    switch (key & 7) {
      case 0:
        yield [id, varint()];
        break;
      case 1:
        yield [id, Number(message.readBigUInt64LE(at))];
        at += 8;
        break;
      case 2: {
        const length = varint();
        if (at + length > message.length)
          throw new RangeError("A protobuf field is longer than its message.");
        yield [id, message.subarray(at, at + length)];
        at += length;
        break;
      }
      case 5:
        yield [id, message.readUInt32LE(at)];
        at += 4;
        break;
      default:
        throw new RangeError(`Unknown protobuf wire type ${key & 7}.`);
    }
  }
}

/** The messages in a repeated field. */
export function* messages(message: Buffer, id: number): Generator<Buffer> {
  for (const [field, value] of fields(message)) if (field === id && typeof value !== "number") yield value;
}
