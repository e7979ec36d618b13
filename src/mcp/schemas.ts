import { z } from "zod";

/** As `tools/list` has it. What says nothing is left out: a model pays for each character, with every request. */
export function inputSchema(schema: z.ZodObject): { type: "object" } {
  return withoutNoise(schema, "input");
}

/** The same, and open: later versions may say more. */
export function outputSchema(schema: z.ZodObject): { type: "object" } {
  return withoutNoise(schema, "output");
}

function withoutNoise(schema: z.ZodObject, io: "input" | "output"): { type: "object" } {
  const json = z.toJSONSchema(schema, {
    io,
    override({ jsonSchema }) {
      if (jsonSchema.minimum === Number.MIN_SAFE_INTEGER) delete jsonSchema.minimum;
      if (jsonSchema.maximum === Number.MAX_SAFE_INTEGER) delete jsonSchema.maximum;
      if (io === "output") delete jsonSchema.additionalProperties;
    },
  });
  delete json.$schema;
  return json as { type: "object" };
}
