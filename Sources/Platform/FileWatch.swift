/// Looks out for changes of one file, from the moment it was made.
public protocol FileWatch: AnyObject, Sendable {
    /// Waits at most `milliseconds` until the file has been made, written, cut, replaced or removed since the last wait,
    /// or since the watch began. Changes through mapped memory are not seen.
    /// - Returns: whether it has. False too, at once, when the process is asked to stop (`Termination`).
    func wait(milliseconds: Int) throws(FileError) -> Bool
}
