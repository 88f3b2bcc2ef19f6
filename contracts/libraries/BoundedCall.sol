// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @title BoundedCall
/// @notice A view call that cannot make its caller fail: with a limit of gas, and nothing copied but three words.
/// @dev Solidity's try/catch reverts in the caller when too little is returned and reserves memory for all that is.
library BoundedCall {
    /// @notice The first three words that a view of one argument returns; not answered when it reverts, runs out of
    /// its gas or returns fewer.
    /// @param gasLimit The most that the call may use; less where 63/64 of what is left is less [gas].
    function threeWords(
        address target,
        bytes4 selector,
        bytes32 argument,
        uint256 gasLimit
    ) internal view returns (bool answered, uint256 first, uint256 second, uint256 third) {
        // (bool success, bytes memory data) = target.staticcall{gas: gasLimit}(abi.encodePacked(selector, argument));
        // answered = success && data.length >= 96;
        // if (answered) (first, second, third) = abi.decode(data, (uint256, uint256, uint256));
        assembly ("memory-safe") {
            let words := mload(0x40)
            mstore(0x00, selector)
            mstore(0x04, argument)
            answered := staticcall(gasLimit, target, 0x00, 0x24, words, 0x60)
            answered := and(answered, gt(returndatasize(), 0x5f))
            if answered {
                first := mload(words)
                second := mload(add(words, 0x20))
                third := mload(add(words, 0x40))
            }
        }
    }
}
