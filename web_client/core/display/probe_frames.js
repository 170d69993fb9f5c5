/**
 * Two tiny pictures a codec, 64x64 in four quarters: the second turns the first by one quarter. Made by
 * tests/support/probe_frames.py, which tells their colours too.
 */

export const SIDE = 64;
/** Of the first picture: upper left, upper right, lower left, lower right; the second shows them one quarter on. */
export const COLOURS = [[208, 48, 48], [48, 184, 64], [56, 72, 208], [200, 200, 200]];

/** By the codec's name in CAPABILITIES. @type {Record<string, {codec: string, pictures: string[]}>} */
export const PROBE_FRAMES = {
  H264: {
    codec: "avc1.42c00a",
    pictures: [
      "AAAAAWdCwAraEJpqBAQMgAAAAwCAAAA8R4kTUAAAAAFozgbyAAAAAWWIhDoRigACFnHAAEDOOAAIa0nEYoAAhWRwAD8cAARjZOK4ikJawbOWVnLwYlLKJS0sU8yMsdlrZeOy1ssUtf9bYrFAAEC2IgACHQhIAAh2oqnLKpy/KSllJS/OsyKhRIoAAjIQwABAEUAAQB4YAAgEgAUAAQDJUNUqGqUA2QoBshuAAi5K4ACLkFwEWsXgItYLWv9TXN71zP9XgA==",
      "AAAAAUGaIMonFAAELLE/AQPE+P6/m02x/X82m2PeZFWOy1svGpaqXOvgIEbFAAMRQADEUAAxFAAMRQADEUAAxFAAMRQADEUAAxFAAMRQADEUAAxFAAMRQADEUAAxFAAMRgAChwABCz5tNscZdbsILipp/+AgeIXF8cY/Fr9nfP4=",
    ],
  },
  H264_444: {
    codec: "avc1.f4000a",
    pictures: [
      "AAAAAWf0AAqRloQmmoEBAyAAAAMAIAAADxHiRNQAAAABaM4GxkgAAAABZYiEOiRQABCzigACBnFAAENaTyRQABCsigAH4oAAjGyevXr16igACBbFAAERCKAAIid+ooAAjIRQABBSigACElfr169f",
      "AAAAAUGaIMomKAAIWXifwEDxPz/P8/z/wECKigAGIoABiKAAYigAGIoABiKAAYigAGIoABiKAAYigAGIoABiKAAYigAGIoABiKAAYigAGIrFYrFYrFYrFYrFYrFYrFYrFYoAAgKxQABAVigACArFAAEBWKAAICsUAAQFYoAAgKxQABAVigACArFAAEBWKAAICsUAAQFYoAAgKxQABAVigACArFAAEBXEfgIHiPn+f5/n+A==",
    ],
  },
  VP8: {
    codec: "vp8",
    pictures: [
      "8AcAnQEqQABAAABHCIWFiJmEiAICGKgDo8QH9V/AHqaH5cc/AH9oP7NzjOgvYH9q9wkH/tgYKr+gPv/hjCWRTC+v7LynbGJ9gP755pvcqHxR8tFRzDBn4skauvJLpuxe3biQf04HvXw9zHuEizfb02E0DTFL0N1iaJVVumbY7Vebx6jW2owZXxG/2+n1lkmCYyS+F97tmkAO//70jN5qAKiQP8SC85/f/I3L8vDS8CtwRENvzxgAAAA=",
      "MQMAAhBEABgHSq7lW1/hJnuiXgHlFavm4bk7AP738IEz+voU/OBkJGyAgEBQ8EhA6clu6/X4pgNUQm/NLAJL0yb7xmopdOUXwwDV/n5TY0d0C7a61+fp8Q3o2woASeZ78AAA",
    ],
  },
  VP9: {
    codec: "vp09.00.10.08",
    pictures: [
      "gkmDQgAD8AP2AjgkHBgKAAAgQABrQ///4SXB6jOZUQcaqlbLSy5qGQkZMBK4zO1ImChUygTkMlv//6FIs7jnPgoT+YTrZtUz21bZWBlDxDO1ImChUygTkMlIBf////7ztQn5s+EcQpyudLXsT8GnxwPT////+spuDgVKIZQw8hEBusQ0v1rjtI3QAAv///hc9o6o4BqF5ajivtwiGwvH///5yeoeYxzgIQnkObwBZ19i4LE3//xDrDOToqER2V/mC2EY4FaCsxyOwVtuC4CUf//0qR98o5FssxPb0wQSnbHJjkmIrpMhdnJIPAAf///+uWySCkgozDfxSIBxGQ2k1uDta////66oKHReKj8ZLhgDebDVIXqDIw2Mf/6k6c+i/obaKQKc3yIKzU48NbMjFGklFm9BVIr8grWo7Q/tSHe//+pOnPov6G2ikCnN8iCs1OPDWzIxRpJRZvQVSK/IK1qO0P7Uh0AH//9k+wH8DLlxwHQhbS000S9j//tYoabYjf92XINjVOA6AXeiIA==",
      "hgBAkvCBFAAAFHAQoAAAfadX//5CgMZC4nOz0ZPHn0UV2qDRwtLltMAT7OgD9glvxpT29N17iDjsKp+vJbojzEy6Y+K1DAdpspc3mEL9NoXHhn7tJbcYsr0KAdq4obblXay3w3EdaGRWYMiieS7WW/rfWxfKl8MMGeMw9txpxu4fb62QXbQRwC25R3NM6qe7M1yrcUgAAA==",
    ],
  },
};
