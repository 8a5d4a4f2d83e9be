#include "serve/file_transfer.h"
#include "base/log.h"

namespace autark::serve {
namespace {

constexpr size_t kPieceBytes = 256 << 10;  // of a file on its way to a client

const api::ApiError kBusy{.kind = api::ApiError::Kind::overloaded,
                          .message = "the server moves too many files; try again in 1s"};

class FileUpload final : public http::BodySink, public std::enable_shared_from_this<FileUpload> {
 public:
  FileUpload(std::string_view boundary, std::unique_ptr<FileForm> form, http::Workers& workers,
             Uploaded uploaded)
      : form_(std::move(form)),
        reader_(boundary, *form_),
        workers_(workers),
        uploaded_(std::move(uploaded)) {}

  void put(std::string bytes, std::function<void(bool)> then) override {
    const size_t size = bytes.size();
    const bool taken = workers_.post(
        size, [self = shared_from_this(), bytes = std::move(bytes), then] { then(self->take(bytes)); });
    if (taken) return;
    uploaded_(kBusy);
    then(false);
  }

  void end() override {
    const bool taken = workers_.post(0, [self = shared_from_this()] { self->finish(); });
    if (!taken) uploaded_(kBusy);
  }

 private:
  bool take(std::string_view bytes) {
    if (reader_.put(bytes)) return true;
    uploaded_(reader_.refusal().empty() ? form_->fault() : api::ApiError{.message = reader_.refusal()});
    return false;
  }
  void finish() {
    if (!reader_.is_whole()) return uploaded_(api::ApiError{.message = "the form has no end"});
    uploaded_(form_->commit());
  }

  const std::unique_ptr<FileForm> form_;
  http::MultipartReader reader_;
  http::Workers& workers_;
  const Uploaded uploaded_;
};

class Download : public std::enable_shared_from_this<Download> {
 public:
  Download(std::unique_ptr<storage::FileReader> reader, http::StreamPtr stream, http::Workers& workers)
      : reader_(std::move(reader)), stream_(std::move(stream)), workers_(workers) {}

  // Without a further step the stream is dropped, which closes the connection.
  void next() {
    if (!workers_.post(kPieceBytes, [self = shared_from_this()] { self->send(); }))
      log_warning("a file is not sent to its end: too many are sent at once");
  }

 private:
  void send() {
    auto piece = reader_->read(kPieceBytes);
    if (!piece) return log_error(piece.error().message);
    if (piece->empty()) return stream_->finish();
    if (stream_->write(std::move(*piece))) stream_->on_sent([self = shared_from_this()] { self->next(); });
  }

  const std::unique_ptr<storage::FileReader> reader_;
  const http::StreamPtr stream_;
  http::Workers& workers_;
};

}  // namespace

std::shared_ptr<http::BodySink> file_upload(std::string_view boundary, std::unique_ptr<FileForm> form,
                                            http::Workers& workers, Uploaded uploaded) {
  return std::make_shared<FileUpload>(boundary, std::move(form), workers, std::move(uploaded));
}

void send_file(std::unique_ptr<storage::FileReader> reader, http::StreamPtr stream, http::Workers& workers) {
  std::make_shared<Download>(std::move(reader), std::move(stream), workers)->next();
}

}  // namespace autark::serve
