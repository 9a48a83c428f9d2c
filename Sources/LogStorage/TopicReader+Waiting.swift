import EventModel
import Platform

extension TopicReader {
    /// Waits until more records are durable than the reader knows of, which it then sees as after `refresh`.
    ///
    /// It wakes when the writer's next sync is done, in this process or another.
    /// - Parameter milliseconds: about how long to wait at most.
    /// - Returns: whether there are more; false also when the process is asked to stop (`Termination`).
    public func waitForMore(milliseconds: Int) throws(LogError) -> Bool {
        let known = durableEnd
        // Watched before it is looked at, so that no sync falls between.
        let watch = try files { () throws(FileError) in
            try fileSystem.watch(TopicLayout.durableEndPath(directory))
        }
        repeat {
            try refresh()
            if durableEnd > known { return true }
        } while try files { () throws(FileError) in try watch.wait(milliseconds: milliseconds) }
        return false
    }
}
