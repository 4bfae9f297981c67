//! `BatchStream`: importing through one call that stays open, at the pace at which this server writes.

use std::pin::Pin;
use std::task::{Context as Task, Poll};

use tokio::sync::mpsc;
use tokio::task::{AbortHandle, spawn_blocking};
use tokio_stream::Stream;
use tokio_stream::wrappers::ReceiverStream;
use tonic::body::Body;
use tonic::codegen::{BoxFuture, http};
use tonic::server::{Grpc, StreamingService};
use tonic::{Request, Response, Status, Streaming};
use tonic_prost::ProstCodec;

use super::batch::{self, Errors};
use super::service::Context;
use super::wire::Unread;
use super::wire::stream::{
    Acks, Ask, BatchStreamReply, BatchStreamRequest, Data, Detail, Failure, Results, Success, Tell,
};
use super::{MAX_MESSAGE, references};
use crate::Database;
use crate::access::Right;

/// Replies that wait for the client.
const WAITING: usize = 4;

/// Answers one call.
pub(super) async fn stream(context: Context, request: http::Request<Body>) -> http::Response<Body> {
    if let Err(refused) = context.admit(&request, Right::Write) {
        return refused.into_http();
    }
    let most = usize::try_from(MAX_MESSAGE).unwrap_or(usize::MAX);
    Grpc::new(ProstCodec::<BatchStreamReply, BatchStreamRequest>::default())
        .max_decoding_message_size(most)
        .streaming(Importing(context), request)
        .await
}

struct Importing(Context);

impl StreamingService<BatchStreamRequest> for Importing {
    type Response = BatchStreamReply;
    type ResponseStream = Replies;
    type Future = BoxFuture<Response<Replies>, Status>;

    fn call(&mut self, request: Request<Streaming<BatchStreamRequest>>) -> Self::Future {
        let (replies, receiver) = mpsc::channel(WAITING);
        let context = self.0.clone();
        Box::pin(async move {
            let task = tokio::spawn(async move {
                if let Err(status) = talk(context, request.into_inner(), &replies).await {
                    // A client that has gone needs no answer.
                    let _ = replies.send(Err(status)).await;
                }
            });
            Ok(Response::new(Replies { receiver: ReceiverStream::new(receiver), task: task.abort_handle() }))
        })
    }
}

/// The replies of one call; the work for it ends with them.
struct Replies {
    receiver: ReceiverStream<Result<BatchStreamReply, Status>>,
    task: AbortHandle,
}

impl Stream for Replies {
    type Item = Result<BatchStreamReply, Status>;

    fn poll_next(mut self: Pin<&mut Self>, task: &mut Task<'_>) -> Poll<Option<Self::Item>> {
        Pin::new(&mut self.receiver).poll_next(task)
    }
}

impl Drop for Replies {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Takes what the client sends until it stops; tells it once if the server is about to stop.
async fn talk(
    mut context: Context,
    mut requests: Streaming<BatchStreamRequest>,
    replies: &mpsc::Sender<Result<BatchStreamReply, Status>>,
) -> Result<(), Status> {
    let tell = async |message| {
        let gone = |_| Status::cancelled("the client has gone");
        replies.send(Ok(BatchStreamReply { message: Some(message) })).await.map_err(gone)
    };
    match requests.message().await?.and_then(|request| request.message) {
        Some(Ask::Start(_)) => tell(Tell::Started(Unread {})).await?,
        _ => return Err(Status::invalid_argument("the first message of a stream must be `start`")),
    }
    let mut is_stopping = false;
    loop {
        let request = tokio::select! {
            request = requests.message() => request?,
            _ = context.stopping.changed(), if !is_stopping => {
                is_stopping = true;
                tell(Tell::ShuttingDown(Unread {})).await?;
                continue;
            }
        };
        match request.and_then(|request| request.message) {
            None | Some(Ask::Stop(_)) => return Ok(()),
            Some(Ask::Start(_)) => {
                return Err(Status::invalid_argument("the stream has been started already"));
            }
            Some(Ask::Data(data)) => {
                let names = Names::of(&data);
                tell(Tell::Acks(names.acks())).await?;
                let database = context.database.clone();
                let (objects, references) = spawn_blocking(move || write(&database, data))
                    .await
                    .map_err(|_| Status::internal("a request ended by a panic"))?;
                tell(Tell::Results(names.results(&objects, &references))).await?;
            }
        }
    }
}

/// Writes the objects first: a reference may begin at one of them.
fn write(db: &Database, data: Data) -> (Errors, Errors) {
    let objects = batch::write(db, data.objects.unwrap_or_default().values);
    (objects, references::add(db, &data.references.unwrap_or_default().values))
}

/// How the client names what it has sent.
struct Names {
    uuids: Vec<String>,
    beacons: Vec<String>,
}

impl Names {
    fn of(data: &Data) -> Self {
        let objects = data.objects.iter().flat_map(|objects| &objects.values);
        let references = data.references.iter().flat_map(|references| &references.values);
        Self {
            uuids: objects.map(|object| object.uuid.clone()).collect(),
            beacons: references
                .map(|r| format!("weaviate://localhost/{}/{}/{}", r.from_collection, r.from_uuid, r.name))
                .collect(),
        }
    }

    fn acks(&self) -> Acks {
        Acks { uuids: self.uuids.clone(), beacons: self.beacons.clone() }
    }

    fn results(self, objects: &Errors, references: &Errors) -> Results {
        let uuids = self.uuids.into_iter().map(Detail::Uuid).enumerate();
        let beacons = self.beacons.into_iter().map(Detail::Beacon).enumerate();
        let uuids = uuids.map(|(index, detail)| (objects.get(&index), detail));
        let beacons = beacons.map(|(index, detail)| (references.get(&index), detail));
        let mut results = Results::default();
        for (error, detail) in uuids.chain(beacons) {
            let detail = Some(detail);
            match error {
                Some(error) => results.errors.push(Failure { error: error.clone(), detail }),
                None => results.successes.push(Success { detail }),
            }
        }
        results
    }
}

#[cfg(test)]
mod tests {
    use super::super::wire::batch::{BatchObject, BatchReference};
    use super::super::wire::stream::{Objects, References};
    use super::*;

    #[test]
    fn results_name_objects_and_references_as_the_client_did() {
        let object = |uuid: &str| BatchObject { uuid: uuid.to_owned(), ..BatchObject::default() };
        let reference = BatchReference {
            name: "by".to_owned(),
            from_collection: "Book".to_owned(),
            from_uuid: "A".to_owned(),
            ..BatchReference::default()
        };
        let names = Names::of(&Data {
            objects: Some(Objects { values: vec![object("A"), object("b")] }),
            references: Some(References { values: vec![reference] }),
        });
        assert_eq!(names.acks().uuids, ["A", "b"]);
        let results = names.results(&Errors::from([(0, "no".to_owned())]), &Errors::new());
        let failed = Failure { error: "no".to_owned(), detail: Some(Detail::Uuid("A".to_owned())) };
        assert_eq!(results.errors, [failed]);
        let beacon = Detail::Beacon("weaviate://localhost/Book/A/by".to_owned());
        let written: Vec<_> = results.successes.into_iter().filter_map(|s| s.detail).collect();
        assert_eq!(written, [Detail::Uuid("b".to_owned()), beacon]);
    }
}
