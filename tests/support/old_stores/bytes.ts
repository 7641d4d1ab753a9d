/**
 * The bytes of a store that varve of schema 1 wrote, as that version wrote them: compressed with gzip, in base64. They
 * never change. They are from a load of an image of two layers and a read-write mount by the erofs driver.
 */

/** `layers/1/layer.tar` */
export const TAR_LOWER =
  "H4sIAAAAAAACA+3aS0rEQAAE0D5K38Ck05/zDBJE1Aw4I3h8Y5YRxU3iJ+/1okNvi8qqxuvtTdhYN2ulLPdsfS/ffS4pt9bl5b2WlEIsYQcvl+vpOcZwUOOc/+P99LB5/q19P/9+PkOI6TyN8t8h//N0t3X+NedP8k9z9Ov+t9zVEDv939wrAAAAAAAAAAAcwH/ef209s/t6//VuWO+/Ut/sv/awx8SS393/y+lp/Nn+f9j/1qGG2O/xczp4/wEAAAAAAACAv+8NDRQbCABQAAA=";

/** `layers/1/tree` */
export const TREE_LOWER =
  "H4sIAAAAAAACAytLLCpLLSlKZWSAgBIgwwSICxY4mYD4LAwMAjxgmonh/0IGBPgYnMqABgzA6hgZljRiV6ehDKETgJiZgROnOmYoPQFsHmF1OZl52SB2fl4qQ05+Xvrz6Y/W57Me8rnL5j75XMLKC8JMNxdveHr/624eluz2T98yQOrKJh1ea+qwu8GGidvqXdrZjnYhI5NXPHmFzgfWXrf/YviWHWheakmyPkhtcWJuKinqkQE4XNmQ2DqYbLAfgDgAiK1d15tB5QVUwH5kZHjriN3/wLgBxgrYXoZpZ51v+5w5GiDkuKYqebf+nnDuyYn+Ip9qupZuX9zOoenEgBS/IJABxD5AvOXQbRuYfQpgGUdU+5AAK9Q+uYOe60uT4v42PvI6et30rMe6Ge9Cu94fPM79a/7lNeyFmSC1+lA/gayzhdp3d7PWoQXLxE5k8a+7Fu7/dpvuRD27GYy6HzK6t1iGLNozKYAJETbuQFyckWhkamaVZGKZbGRhkpicmJhqaZJoYmZkkJKUZm6SbGJgnJoMFjI1SU5NSTNOszBKSTEwTbZMsUgxt0hJTElNTjY3ZpDeejs+Qt7r19Q/x/5ITt+/596K4B5zHh+BHynaBevv5HC3QO0sg+YFAKl+WQAUAwAA";

/** `layers/2/tree` */
export const TREE_UPPER =
  "H4sIAAAAAAACAytLLCpLLSlKZWSAgCVAXAPEQUxzrEF8JgYGARYgzcIgwEAIaAAxMwMjw5JGhBjjx+BUGJsZSudk5mWXlOcz2B85868kouDRgZvzCz/zf0jN6X17Rebg9cuXyzbcftb66DOy2YxQx8BADhAHALF31IZnUHkBFbAdBxneOmJ3H0x7akkyA6N1UsWzhvD4/afZl5yLF7wTmStSdjolcY9q1N/lfoqxNQxI4QECGUDsA8TTeGodYPYpgGVw2wfzr9rpOZJ+33+FbUm/oVEqKBJ21MqFYXntnJC05fWT/QTj/EBqRKF+AvlTGWrfh8OT74fK29iFKbmdXqnJfNzWiW0Jl8iH813d1ldit9RnNTAiwsYdiIszEo1MzawsjS3MkhNNLZKTUg2MklItk1NNk40TDcySDJIsTVOSTYyTDIDiJqmGhmZGJiYmlsbmqWamZhZplpZGpsmpicYMrTuYLTM7GmZIpxQu+/+h1VCkfb/eYaX5bw+z3WGtMVG+2wK1swyadgAUpe0nRAIAAA==";

/** `content/blobs/sha256/9566…` */
export const BLOB_UPPER =
  "H4sIAAAAAAAAA+3TQQqDQAyF4TnKnEAzNjrnKUWwKAo6xes3FTe6cTXFxf9tAiGQQHhtepVpnVxOYhrVrZpzNQ8XtK40RlEJ1o9VLc5L1qt2nyU9Z+//seqOcv8e99Za/ou1K4b32OfacZ1/OeY//ObJPwAAAAAAAAAAAAAAAHDlC8UIBIcAKAAA";

/** `chains/4/erofs/image` */
export const IMAGE =
  "H4sIAAAAAAACA+2TwUoDMRCGs2sLFjx50Kugongo6SbZTcSLN0VEUBA8JpNZL9pCLfUoguALePAB+iS+gfgC6t2DiGdNaxZTWUXoSexAmC8zmZmEnxAytrGN7b/a48Prfd/HbtUIJdUi8byHBVYCv31xdUdvL2+u20qcTb/0urrdxaDfFPnoVvvlfMVkClpIMEgTgwpQANM0NdQoYYEzQ12cY6ORJpxzxTJMRSpzpRIBqFk84vsNV5BIrkFrVFzzNKHW5BkHThnCICQ4oM1ZLhNrqQBlpc2k1RYBMjb7x/Xv6/20TsiK3785i745O1ESo94vOM0LXnTMPS85rtfr2IHynpXB/JgcBPNDTYs+G0H/TcfS8xaJyKrnnYB3Ha953nfs7nDUah62mniij7Fz2vK5Sbd65xFZni/u/vWdcem7yVD955m54L8U9TM/1NcG9WSovhrko+AflusSkWgE/d8BbfTrLwAIAAA=";

/** `content/blobs/sha256/3158…` */
export const CONFIG =
  `{"created":"2026-11-30T00:24:42.290Z","architecture":"amd64","os":"linux","config":{},"rootfs":{"type":"layers","diff_ids":["sha256:b49c284acaae94a4620dbf74c403ece94a454cedf3f82dd05c9d8d78dadecc73","sha256:9386ca58cbe02be9ce5c3a06b0b95dc43b002b4e1162444937e6568f9925cea3"]},"history":[{"created":"2026-11-30T00:24:40.154Z","created_by":"varve import"},{"created":"2026-11-30T00:24:42.290Z","created_by":"varve append"}]}`;

/** `content/blobs/sha256/f5d8…` */
export const MANIFEST =
  `{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"sha256:3158af5024b83d431e705e69f217de24be48c558c58e0b0c11b472cb51097e32","size":420},"layers":[{"mediaType":"application/vnd.oci.image.layer.v1.tar","digest":"sha256:b49c284acaae94a4620dbf74c403ece94a454cedf3f82dd05c9d8d78dadecc73","size":20480},{"mediaType":"application/vnd.oci.image.layer.v1.tar+gzip","digest":"sha256:9566239fc3c70aaebbf9626daa718308ded2ba161a9e36c9687b67c94f29dd62","size":138}]}`;
