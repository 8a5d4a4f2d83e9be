// The two directions of a file: from a client's form into the store, and from the store to a client. Both use the
// disk on worker threads only, and hold one piece at a time.
#pragma once
#include <functional>
#include "http/stream.h"
#include "http/workers.h"
#include "serve/file_form.h"

namespace autark::serve {

// What answers an upload, once, on any thread: the file that is kept, or a fault.
using Uploaded = std::function<void(api::ApiResult<storage::File>)>;

// Reads a form. `workers` and the store of `form` must outlive the last call of a worker.
std::shared_ptr<http::BodySink> file_upload(std::string_view boundary, std::unique_ptr<FileForm> form,
                                            http::Workers& workers, Uploaded uploaded);

// Sends the file's bytes through a stream that has started, as fast as the client takes them. If the disk fails,
// the answer ends before its promised length.
void send_file(std::unique_ptr<storage::FileReader> reader, http::StreamPtr stream, http::Workers& workers);

}  // namespace autark::serve
